"""`segcli models pack`: a model as a folder that does not need segcli."""
