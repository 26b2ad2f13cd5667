"""Pools: jobs wait in one bounded queue and idle workers pull them, fairly by key. `pool.Pool` is what one uses.

`dispatch` keeps the books and hands jobs out, `backlog` is the queue, `crew` the workers, `job` one job on its way, `statistics`
what has become of them.
"""
