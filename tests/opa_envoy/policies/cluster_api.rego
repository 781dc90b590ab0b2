# For an API like that of Kubernetes.
package envoy.authz

default allow := false

allow if {
	["api", "v1", "namespaces", namespace, kind] = input.parsed_path
	namespace == "default"
	kind in {"pods", "services"}
	input.attributes.request.http.method == "GET"
}

allow if {
	startswith(input.attributes.request.http.headers["user-agent"], "kube-probe/")
	input.attributes.request.http.path == "/healthz"
}

allow if {
	input.parsed_body.kind == "AdmissionReview"
	count(privileged) == 0
}

privileged contains container.image if {
	some container in input.parsed_body.request.object.spec.containers
	container.securityContext.privileged
}
