"""Where the parts of the orchestrator are constructed, beside `app.py`: a module for each half."""
