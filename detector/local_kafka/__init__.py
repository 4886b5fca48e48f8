"""A real Apache Kafka on this machine, for the demo, the tests and the benches."""
