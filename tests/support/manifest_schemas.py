"""What Kubernetes and kustomize say of an object, as schemas of our own: the fields that our manifests use.

Where the facts are from: `tests/README.md`.
"""

from support import shapes
from support.shapes import ADDRESS, TRUE_OR_FALSE, Schema, either, fields, many, names, one_of, text, whole, words

# Kubernetes: names of objects (RFC 1123), of ports (RFC 6335), of labels and their values.
_PART = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_SUBDOMAIN = rf"(?=.{{1,253}}\Z){_PART}(\.{_PART})*"
_WORD = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
NAME, LABEL = text(_SUBDOMAIN), text(_PART)
LABEL_NAME = rf"({_PART}(\.{_PART})*/)?{_WORD}"
LABELS = names(LABEL_NAME, text(_WORD))
SELECTOR = fields({"matchLabels!": LABELS})
METADATA = fields({"name!": NAME, "labels": LABELS})
PORT_NAME = text(r"(?=.{1,15}\Z)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
PORT = whole(1, 65535)
PORT_OR_NAME = either(PORT, PORT_NAME)
PROTOCOL = one_of("TCP", "UDP", "SCTP")
PATH = text(r"/[^\s:]*")
KEY = text(r"[A-Za-z0-9_.-]{1,253}")
SECONDS = whole(1)
# Memory in bytes (2) or in thousandths of one (400m) is valid to Kubernetes and never meant.
CPU, MEMORY = text(r"\d+m|\d+(\.\d+)?"), text(r"\d+(\.\d+)?([KMGTPE]i|[kMGTPE])")

PROBE = fields(
    {
        "httpGet!": fields({"path": PATH, "port!": PORT_OR_NAME}),
        "periodSeconds": SECONDS,
        "timeoutSeconds": SECONDS,
        "failureThreshold": SECONDS,
    }
)
CONTAINER = fields(
    {
        "name!": LABEL,
        "image!": text(shapes.IMAGE),
        "args": words(),
        "ports": many(fields({"name": PORT_NAME, "containerPort!": PORT})),
        "startupProbe": PROBE,
        "readinessProbe": PROBE,
        "livenessProbe": PROBE,
        "resources": fields({"requests": fields({"cpu": CPU, "memory": MEMORY}), "limits": fields({"memory": MEMORY})}),
        "securityContext": fields(
            {
                "allowPrivilegeEscalation": TRUE_OR_FALSE,
                "readOnlyRootFilesystem": TRUE_OR_FALSE,
                "capabilities": fields({"drop": many(text("ALL|[A-Z]+(_[A-Z]+)*"))}),
            }
        ),
        "volumeMounts": many(
            fields({"name!": LABEL, "mountPath!": PATH, "subPath": text(r"[^/\s]\S*"), "readOnly": TRUE_OR_FALSE})
        ),
    }
)
VOLUME = either(
    fields({"name!": LABEL, "emptyDir!": fields({"sizeLimit": MEMORY}, least=0)}),
    fields({"name!": LABEL, "configMap!": fields({"name!": NAME})}),
    fields({"name!": LABEL, "secret!": fields({"secretName!": NAME})}),
)
USER = whole(0)
POD = fields(
    {
        "automountServiceAccountToken": TRUE_OR_FALSE,
        "enableServiceLinks": TRUE_OR_FALSE,
        "terminationGracePeriodSeconds": whole(0),
        "securityContext": fields(
            {
                "runAsNonRoot": TRUE_OR_FALSE,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": fields({"type!": one_of("RuntimeDefault", "Unconfined")}),
            }
        ),
        "topologySpreadConstraints": many(
            fields(
                {
                    "maxSkew!": whole(1),
                    "topologyKey!": text(LABEL_NAME),
                    "whenUnsatisfiable!": one_of("DoNotSchedule", "ScheduleAnyway"),
                    "labelSelector": SELECTOR,
                }
            )
        ),
        "containers!": many(CONTAINER),
        "volumes": many(VOLUME),
    }
)
STATEFUL_SET = fields(
    {
        "serviceName": LABEL,
        "replicas": whole(0),
        "podManagementPolicy": one_of("OrderedReady", "Parallel"),
        "selector!": SELECTOR,
        "template!": fields({"metadata!": fields({"labels!": LABELS}), "spec!": POD}),
    }
)
SERVICE = fields(
    {
        "clusterIP": text(f"None|{ADDRESS}"),
        "selector": LABELS,
        "publishNotReadyAddresses": TRUE_OR_FALSE,
        "ports": many(fields({"name": PORT_NAME, "port!": PORT, "targetPort": PORT_OR_NAME})),
    }
)
DISRUPTION = fields({"maxUnavailable!": either(whole(0), text(r"(\d\d?|100)%")), "selector!": SELECTOR})
PEERS = many(fields({"namespaceSelector": SELECTOR, "podSelector": SELECTOR}))
POLICY_PORTS = many(fields({"protocol": PROTOCOL, "port": PORT_OR_NAME}))
NETWORK = fields(
    {
        "podSelector!": SELECTOR,
        "policyTypes": many(one_of("Ingress", "Egress")),
        "ingress": many(fields({"from": PEERS, "ports": POLICY_PORTS})),
        "egress": many(fields({"to": PEERS, "ports": POLICY_PORTS})),
    }
)


def an_object(version: str, kind: str, metadata: Schema = METADATA, **rest: Schema) -> Schema:
    """An object of a kind, in the one version that it is written in."""
    inside = {f"{name}!": schema for name, schema in rest.items()}
    return fields({"apiVersion!": one_of(version), "kind!": one_of(kind), "metadata!": metadata, **inside})


KINDS: dict[str, Schema] = {
    "StatefulSet": an_object("apps/v1", "StatefulSet", spec=STATEFUL_SET),
    "Service": an_object("v1", "Service", spec=SERVICE),
    "ConfigMap": an_object("v1", "ConfigMap", data=names(r"[A-Za-z0-9_.-]{1,253}", text())),
    "PodDisruptionBudget": an_object("policy/v1", "PodDisruptionBudget", spec=DISRUPTION),
    "NetworkPolicy": an_object("networking.k8s.io/v1", "NetworkPolicy", spec=NETWORK),
    "Kustomization": fields(
        {
            "apiVersion!": one_of("kustomize.config.k8s.io/v1beta1"),
            "kind!": one_of("Kustomization"),
            "namespace": LABEL,
            "resources": many(text(r"(\.\./)*[A-Za-z0-9_./-]+")),
            "configMapGenerator": many(fields({"name!": NAME, "files": many(text(r"([^=\s]+=)?[^=\s]+"))})),
            "patches": many(fields({"target!": fields({"kind!": text(), "name!": NAME}), "patch!": text()})),
        }
    ),
}
