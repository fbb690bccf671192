"""Images ranked by how much a trained model disagrees with their labels: a module per task."""
