"""Where the time of a bundle goes on this machine: by prompt length, by operator and by layer.

    measure.py     a profile from start to end: `profile_bundle`
    probe.py       starts the profile probe and reads what it says
    lengths.py     which prompt lengths, and how many new tokens, a context holds
    trace.py       ONNX Runtime's file of operator times -> runs and calls
    layers.py      which layer a call belongs to
    breakdown.py   calls -> microseconds a run, by operator and by layer
    profile.py     the result, and its JSON;  table.py: for people;  plot.py: as a picture

It describes a machine; it judges nothing. `tinylm.budget` does that.
"""
