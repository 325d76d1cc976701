"""The Notification service: tells everyone what happened, once and in order."""
