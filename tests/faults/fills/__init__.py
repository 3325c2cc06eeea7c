"""
Writers and readers of the same rows, to find answers that are older than an invalidation.

A row is a counter. A writer raises it in a transaction and has what was made from it forgotten with the commit; when
that is done it says so on the `Board`. A reader looks at the board, then reads through the cache: what it is given may
not be older than what the board said. Between every two steps there are pauses, leases are evicted and the server is
flushed at random.

`crew` is the program, `plan` what it is told and what it answers, `site` the Django project that it runs.
"""
