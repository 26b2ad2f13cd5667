"""Timelines: ordered logs of durable events with members and live subscribers.

`commands` says what can be asked, `timeline` is the actor, `room` and `personal` its kinds, `turn` and `posting` decide changes,
`state` is what is held in memory, `fanout` and `subscribers` are the way to connections, `directory` is where doors begin.
"""
