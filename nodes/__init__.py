"""The node types that come with Dripline, one in a file; they are found through entry points like any other."""
