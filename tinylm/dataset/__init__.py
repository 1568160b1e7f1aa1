"""The dataset folder: text becomes tokens on disk, packed into rows and read in batches."""
