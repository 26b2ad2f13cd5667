"""Timelines: ordered logs of durable events with members and live subscribers.

`commands` says what can be asked, `timeline` is the actor, `room` and `personal` its kinds. `writer` makes changes durable, turn by
turn; `turn` and `posting` decide them. `state` is what is held in memory, `archive` reads the rest, `fanout` and `subscribers` are
the way to connections, `directory` is where doors begin.
"""
