"""What everything stands on: errors, files, records, processes, progress, memory for C."""
