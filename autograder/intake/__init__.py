"""From a submitted file to a submission: unpack archives, read notebooks, restore the released cells."""
