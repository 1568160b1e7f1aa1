"""What everything stands on: errors, files, records, processes, progress."""
