"""The parts of the main job (scripts/main_job.py): the server's process, the clients, their books, the judge, the screen."""
