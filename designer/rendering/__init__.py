"""Templates of messages: a small, closed part of Jinja2 that can do no harm.

A template is checked against a list of what is allowed when it is saved (``grammar``), runs in an environment that
reaches plain data only and has a budget (``environment``), and is rendered for real dispatch in a child process
with limits of memory and time (``process``, ``child``).
"""
