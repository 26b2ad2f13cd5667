"""A person's inbox: read markers, what is unread above them, and notifications.

The facts are kept by the storage, together with the events that imply them: nothing here has to be right for them to be. `Inbox`
is what the doors use; `Readings` makes read markers durable; `Agenda` and `Herald` tell connected people what has changed.
"""

from engine.inbox.agenda import Agenda
from engine.inbox.herald import Herald
from engine.inbox.inbox import Inbox, NotificationPage
from engine.inbox.readings import Readings
from engine.inbox.start import start_inbox

__all__ = ["Agenda", "Herald", "Inbox", "NotificationPage", "Readings", "start_inbox"]
