"""Long trials of what must never break: hostile inputs, kills, and two at once; ``scripts/soak`` runs them."""
