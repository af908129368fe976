"""Forms that nobody writes by hand: made from the settings models of node types, and the builder of rules.

A form is drawn from a *shape* (``shapes``) and a raw value (``controls``), and read back from what a browser posts
(``reading``); a draft may be wrong, so a value that cannot be read is kept and shown with its fault.

A setting's form posts ``kind=configure``, ``id``, ``field`` (a JSON pointer inside the settings), ``base`` and
``hand``, and either ``value`` (JSON) or inputs whose names begin with ``v``: ``reading.posted_value`` gives the value
of both, None for a setting that is to be taken away. The answer draws the whole inspector again (``render``).
"""
