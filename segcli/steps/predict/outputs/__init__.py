"""Files of predictions, one module per row of `segcli.outputs`: each writes one kind for any task."""
