"""What the operators of Prometheus, KEDA and Strimzi say of an object, as schemas of our own: the fields that we use.

Where the facts are from: `tests/README.md`.
"""

from support.manifest_schemas import KEY, LABEL_NAME, NAME, PORT_NAME, SELECTOR, an_object
from support.shapes import PORT, Schema, either, fields, many, names, one_of, text, whole

# Prometheus' operator. A duration is of falling units, each at most once.
DURATION = text("0|(?!$)" + "".join(rf"(\d+{unit})?" for unit in ("y", "w", "d", "h", "m", "s", "ms")))
PROMETHEUS_LABEL = r"[A-Za-z_][A-Za-z0-9_]*"
POD_MONITOR = fields(
    {
        "jobLabel": text(LABEL_NAME),
        "selector!": SELECTOR,
        "podMetricsEndpoints!": many(
            fields(
                {
                    "port!": PORT_NAME,
                    "interval": DURATION,
                    "relabelings": many(
                        fields(
                            {
                                "action": one_of("replace"),
                                "targetLabel!": text(PROMETHEUS_LABEL),
                                "replacement": text(),
                            }
                        )
                    ),
                }
            )
        ),
    }
)
RULE = either(
    fields(
        {
            "alert!": text(),
            "expr!": text(),
            "for": DURATION,
            "labels": names(PROMETHEUS_LABEL, text()),
            "annotations": names(PROMETHEUS_LABEL, text()),
        }
    ),
    fields({"record!": text("[A-Za-z_:][A-Za-z0-9_:]*"), "expr!": text()}),
)
PROMETHEUS_RULE = fields({"groups!": many(fields({"name!": text(), "rules!": many(RULE)}))})

# KEDA, whose scaling down is that of a HorizontalPodAutoscaler, which the policy's limits are from.
SCALING_POLICY = fields({"type!": one_of("Pods", "Percent"), "value!": whole(1), "periodSeconds!": whole(1, 1800)})
SCALE_DOWN = fields({"stabilizationWindowSeconds": whole(0, 3600), "policies": many(SCALING_POLICY)})
TOPIC = text(r"[A-Za-z0-9._-]{1,249}")
LAG = fields(
    {
        "bootstrapServers!": text(rf"[a-z0-9.-]+:{PORT}(,[a-z0-9.-]+:{PORT})*"),
        "consumerGroup!": text(),
        "topic": TOPIC,
        "lagThreshold": text(r"[1-9]\d*"),
        "offsetResetPolicy": one_of("latest", "earliest"),
        "sasl": one_of("none", "plaintext", "scram_sha256", "scram_sha512", "gssapi", "oauthbearer"),
        "tls": one_of("enable", "disable"),
    }
)
SCALED_OBJECT = fields(
    {
        "scaleTargetRef!": fields({"kind": one_of("Deployment", "StatefulSet"), "name!": NAME}),
        "minReplicaCount": whole(0),
        "maxReplicaCount": whole(1),
        "advanced": fields({"horizontalPodAutoscalerConfig": fields({"behavior": fields({"scaleDown": SCALE_DOWN})})}),
        "triggers!": many(
            fields({"type!": one_of("kafka"), "metadata!": LAG, "authenticationRef": fields({"name!": NAME})})
        ),
    }
)
PARAMETER = one_of("sasl", "username", "password", "tls", "ca", "cert", "key", "keyPassword")
FROM_KEYS = many(fields({"parameter!": PARAMETER, "name!": NAME, "key!": KEY}))
TRIGGER_AUTHENTICATION = fields({"configMapTargetRef": FROM_KEYS, "secretTargetRef": FROM_KEYS})

# Strimzi. It takes any name in a topic's settings, and Kafka says which there are.
COUNT, LIMIT = text(r"\d+"), text(r"-1|\d+")
TOPIC_CONFIG = fields(
    {
        "cleanup.policy": one_of("delete", "compact", "compact,delete"),
        "retention.ms": LIMIT,
        "retention.bytes": LIMIT,
        "segment.bytes": COUNT,
        "segment.ms": COUNT,
        "delete.retention.ms": COUNT,
        "max.compaction.lag.ms": COUNT,
        "max.message.bytes": COUNT,
        "min.cleanable.dirty.ratio": text(r"0(\.\d+)?|1(\.0+)?"),
        "min.insync.replicas": text(r"[1-9]\d*"),
        "message.timestamp.type": one_of("CreateTime", "LogAppendTime"),
        "unclean.leader.election.enable": one_of("true", "false"),
    }
)
KAFKA_TOPIC = fields({"partitions": whole(1), "replicas": whole(1, 32767), "config": TOPIC_CONFIG})
OPERATION = one_of(
    *("Read", "Write", "Create", "Delete", "Alter", "Describe", "AlterConfigs", "DescribeConfigs"),
    *("ClusterAction", "IdempotentWrite", "All"),
)
RESOURCE = either(
    fields({"type!": one_of("cluster")}),
    fields(
        {
            "type!": one_of("topic", "group", "transactionalId"),
            "name!": TOPIC,
            "patternType": one_of("literal", "prefix"),
        }
    ),
)
KAFKA_USER = fields(
    {
        "authentication": fields({"type!": one_of("tls", "tls-external", "scram-sha-512")}),
        "authorization": fields(
            {
                "type!": one_of("simple"),
                "acls!": many(fields({"resource!": RESOURCE, "operations!": many(OPERATION)})),
            }
        ),
    }
)
#: Whose Kafka an object of Strimzi belongs to.
STRIMZI_METADATA = fields({"name!": NAME, "labels!": fields({"strimzi.io/cluster!": NAME})})

KINDS: dict[str, Schema] = {
    "PodMonitor": an_object("monitoring.coreos.com/v1", "PodMonitor", spec=POD_MONITOR),
    "PrometheusRule": an_object("monitoring.coreos.com/v1", "PrometheusRule", spec=PROMETHEUS_RULE),
    "ScaledObject": an_object("keda.sh/v1alpha1", "ScaledObject", spec=SCALED_OBJECT),
    "TriggerAuthentication": an_object("keda.sh/v1alpha1", "TriggerAuthentication", spec=TRIGGER_AUTHENTICATION),
    "KafkaTopic": an_object("kafka.strimzi.io/v1", "KafkaTopic", STRIMZI_METADATA, spec=KAFKA_TOPIC),
    "KafkaUser": an_object("kafka.strimzi.io/v1", "KafkaUser", STRIMZI_METADATA, spec=KAFKA_USER),
}
