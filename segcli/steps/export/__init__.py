"""From trained weights to models that run without segcli, each opened again and compared."""
