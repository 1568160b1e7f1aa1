"""The probes: fresh processes in which latency, memory and operators are measured, and golden tokens compared.

protocol.py           what a probe is told and answers
candidate.py          the model under test: a bundle, or a decoder from elsewhere (external_candidate.py)
probe.py              the latency probe, whose memory is certified too
memory_probe.py       where memory goes, part by part (proc_self.py reads /proc/self)
profile_probe.py      times by prompt length and operator
golden.py             does this machine reproduce what came with a bundle?
"""
