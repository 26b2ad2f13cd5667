"""`gathering chat`: rooms and conversations in a terminal.

| file            | what it is                                                                         |
| --------------- | ---------------------------------------------------------------------------------- |
| `wire.py`       | what the server sends, as far as the terminal shows it                             |
| `text.py`       | a stranger's text made harmless, and Markdown in it made visible                   |
| `timeline.py`   | one timeline as it is known here: events in, entries out; knows no screen, no I/O  |
| `outgoing.py`   | own posts that are not confirmed yet                                               |
| `people.py`     | the members of one timeline, and which of them are there                           |
| `lines.py`      | a timeline as lines of styled text, for any width                                  |
| `rest.py`       | the REST interface: sign in, rooms, members; renews the tokens                     |
| `session.py`    | someone signed in: the timelines, kept up to date over REST and the connection     |
| `app.py`        | the application; its screens, dialogs and widgets are in the files of those names  |

The connection itself is `gateway.client.connection`. Only this package imports textual, which the extra `gathering[chat]` installs;
nothing else imports this package before `gathering chat` is run.
"""
