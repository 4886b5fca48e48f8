"""Events for the bus: a simulated population with fraud in it, event files, and publishing to Kafka."""
