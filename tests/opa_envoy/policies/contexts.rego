# By what the route says of itself.
package envoy.authz

default allow := false

allow if input.attributes.contextExtensions.route == "public"

allow if object.get(input.attributes, ["contextExtensions", "tier"], "none") == "gold"
