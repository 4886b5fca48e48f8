"""Events for the bus: a simulated population with attacks hidden in it, event files, and publishing to Kafka."""
