"""The definitions that a server lists of its functions, pinned: a change is seen, and people accept it."""
