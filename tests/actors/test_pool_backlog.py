"""The queue of a pool against a model: order within a key, turns between keys, limits, and nothing lost."""

from collections.abc import Hashable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.pools.backlog import Backlog
from actors.pools.job import Job

KEYS = st.sampled_from([None, "a", "b", "c"])


class BacklogMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.backlog = Backlog(capacity=6, per_key=2)
        self.waiting: dict[Hashable | None, list[Job]] = {}
        self.out: list[Job] = []
        self.passed_over: dict[Hashable | None, int] = {}
        self.now = 0.0

    @rule(key=KEYS)
    def add(self, key: str | None) -> None:
        waiting = self.waiting.setdefault(key, [])
        left = 6 - sum(map(len, self.waiting.values()))

        assert self.backlog.admits(key) == (left > (0 if key is None else len(waiting)))
        if self.backlog.admits(key):
            self.now += 1.0
            job = Job(key, self.now, _nobody)
            self.backlog.add(job)
            waiting.append(job)

    @rule()
    def take(self) -> None:
        ready = {key for key, waiting in self.waiting.items() if waiting and self._below_limit(key)}
        job = self.backlog.take()

        assert (job is not None) == bool(ready)
        if job is None:
            return
        assert job.key in ready
        assert self.waiting[job.key].pop(0) is job
        self.out.append(job)
        self.passed_over = {key: self.passed_over.get(key, 0) + 1 for key in ready if key != job.key}
        # At most once by each other key, and once more for each job that was put back and so came first.
        assert all(times <= 3 + self.put_backs for times in self.passed_over.values())

    put_backs = 0

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def release(self, data: Any) -> None:
        job = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        self.backlog.release(job.key)

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def put_back(self, data: Any) -> None:
        job = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        self.backlog.put_back(job)
        self.waiting[job.key].insert(0, job)
        self.put_backs += 1

    @precondition(lambda self: any(self.waiting.values()))
    @rule(data=st.data())
    def remove(self, data: Any) -> None:
        job = data.draw(st.sampled_from([job for waiting in self.waiting.values() for job in waiting]))
        self.backlog.remove(job)
        self.waiting[job.key].remove(job)
        if not self.waiting[job.key]:
            self.passed_over.pop(job.key, None)  # a key that wants nothing has no turn to wait for

    def _below_limit(self, key: Hashable | None) -> bool:
        return key is None or sum(job.key == key for job in self.out) < 2

    @invariant()
    def nothing_is_lost_and_nothing_is_kept(self) -> None:
        waiting = [job for each in self.waiting.values() for job in each]

        assert len(self.backlog) == len(waiting)
        assert set(self.backlog) == set(waiting)
        assert all(job.waiting for job in waiting)
        assert not any(job.waiting for job in self.out)
        assert self.backlog.oldest == min((job.accepted_at for job in waiting), default=None)
        assert self.backlog.keys == len({job.key for job in [*waiting, *self.out]})


def _nobody(_: object) -> None:
    pass


TestBacklog = BacklogMachine.TestCase
TestBacklog.settings = settings(max_examples=200, stateful_step_count=40)
