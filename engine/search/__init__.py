"""What full-text search means here, whatever the database: words, queries, highlights. Without I/O.

`words` turns texts into the words that are indexed, `query` what people type into the words that are looked for, `highlights`
shows where they are. The databases index the words of the first and look for those of the second.
"""
