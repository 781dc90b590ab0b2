# Users by basic authentication, roles by user, as the tutorials do it.
package envoy.authz

default allow := false

allow if {
	some role in roles[user]
	some grant in grants[role]
	grant.method == input.attributes.request.http.method
	glob.match(grant.path, ["/"], input.attributes.request.http.path)
}

user := name if {
	[_, encoded] := split(input.attributes.request.http.headers.authorization, " ")
	[name, _] := split(base64url.decode(encoded), ":")
}

roles := {"alice": ["guest"], "bob": ["admin"]}

grants := {
	"guest": [{"method": "GET", "path": "/people/*/reviews"}],
	"admin": [{"method": "GET", "path": "/people/**"}, {"method": "POST", "path": "/people"}],
}
