"""What transformers hands over for a layer, and the switch that lets it reach us."""
