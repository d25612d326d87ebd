"""From a bearer token to a principal: the only user of PyJWT."""
