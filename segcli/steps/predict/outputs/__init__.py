"""Result files, one module per row of `segcli.outputs`: each writes one kind of file for any task."""
