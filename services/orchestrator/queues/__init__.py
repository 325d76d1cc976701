"""The two queues of each project, and who is given a slot next."""
