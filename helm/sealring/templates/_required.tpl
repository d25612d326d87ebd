{{- /* Fails if a value is missing without which no server starts, the first that the guide asks for first. */}}
{{- define "sealring.required" -}}
{{- /* toYaml leaves the whole of a list or a map out if a text in it has one of these; U+0085 ends a line. */}}
{{- if regexMatch "[\\x{7f}-\\x{9f}]" (toJson .Values) }}
{{- fail "a text in the values has a control character (U+007F to U+009F), which YAML does not take" }}
{{- end }}
{{- $_ := include "sealring.storeSecret" . }}
{{- range include "sealring.secretFolders" . | splitList " " | compact }}
{{- if not (include "sealring.isMounted" (dict "root" $ "folder" .)) }}
{{- fail (printf "secrets.%s is required: the settings name files in secrets/%s. Make a Secret of them by kubectl create secret generic NAME --from-file=FILE, and set secrets.%s=NAME" . . .) }}
{{- end }}
{{- end }}
{{- if .Values.tls.enabled }}{{ $_ := include "sealring.tlsSecret" . }}{{ end }}
{{- if not .Values.settings.issuers }}
{{- fail "settings.issuers is required: the profile of each issuer that signs tokens for this server (docs/configuration.md#issuers)" }}
{{- end }}
{{- if and .Values.autoscaling.enabled (eq (int .Values.replicas) 0) }}
{{- fail "replicas=0 and autoscaling.enabled contradict each other: set autoscaling.enabled=false to stop all servers" }}
{{- end }}
{{- end }}

{{- /* The folders below secrets/ that the settings name, separated by blanks. */}}
{{- define "sealring.secretFolders" -}}
{{- $settings := deepCopy .Values.settings }}
{{- if $settings.seal }}{{ $_ := unset (dig "plugins" "local" (dict) $settings) "root_key_file" }}{{ end }}{{- /* not read then */}}
{{- $names := list }}
{{- range regexFindAll "\"(/sealring/)?secrets/[a-z0-9-]+" (toJson $settings) -1 }}
{{- $names = append $names (base .) }}
{{- end }}
{{- join " " (without $names "store" "store-ca" | uniq) }}
{{- end }}

{{- /* "yes" if a folder below secrets/ is a Secret of `secrets`, or has a mount of `extraVolumeMounts`. */}}
{{- define "sealring.isMounted" -}}
{{- $folder := printf "/sealring/secrets/%s/" .folder }}
{{- if hasKey .root.Values.secrets .folder }}yes{{ end }}
{{- range .root.Values.extraVolumeMounts }}
{{- $path := printf "%s/" (trimSuffix "/" .mountPath) }}
{{- if or (hasPrefix $path $folder) (hasPrefix $folder $path) }}yes{{ end }}
{{- end }}
{{- end }}
