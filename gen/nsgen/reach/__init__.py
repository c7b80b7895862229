"""Where a packet goes: what the nodes of a topology do with it, hop by hop."""
