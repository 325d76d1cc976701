"""Schedules: tasks that are handed in again and again, at times like those of cron."""
