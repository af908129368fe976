"""The canvas: a draft as it is seen, and the pieces of the page that change with it.

A draft becomes a *scene* (``scene``): cards and lines with their places and words. After a gesture the scenes before
and after are compared, and what differs is sent as fragments (``fragments``), to the hand that did it and to others.
"""
