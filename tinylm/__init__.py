"""tinylm trains a tiny language model to fit a device's budget and proves on the device that it does."""

__version__ = "0.1.0"
