{{- /* A value as TOML. JSON's texts, numbers and truth values are TOML's too. */}}
{{- define "sealring.tomlValue" -}}
{{- if kindIs "slice" . }}
{{- $items := list }}
{{- range . }}{{ $items = append $items (include "sealring.tomlValue" .) }}{{ end }}
{{- printf "[%s]" (join ", " $items) }}
{{- else if kindIs "map" . }}
{{- $items := list }}
{{- range $name, $value := . }}{{ $items = append $items (printf "%s = %s" (toJson $name) (include "sealring.tomlValue" $value)) }}{{ end }}
{{- printf "{ %s }" (join ", " $items) }}
{{- else }}
{{- toJson . }}
{{- end }}
{{- end }}

{{- define "sealring.tomlMembers" -}}
{{- range $name, $value := . }}
{{- if not (kindIs "invalid" $value) }}
{{ $name }} = {{ include "sealring.tomlValue" $value }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Tables whose members are tables: [plugins.local], [seal.1]. */}}
{{- define "sealring.isTableOfTables" -}}
{{- $all := gt (len .) 0 }}
{{- range $value := . }}{{ if not (kindIs "map" $value) }}{{ $all = false }}{{ end }}{{ end }}
{{- if $all }}yes{{ end }}
{{- end }}

{{- define "sealring.settings" -}}
{{- $own := dict "store" (dict "url_file" (printf "secrets/store/%s" .Values.store.urlKey) "pin_file" "trust/store-pin") }}
{{- $server := dict "run_folder" "/tmp/sealring" }}
{{- if .Values.metrics.enabled }}{{ $_ := set $server "metrics_bind" (printf "0.0.0.0:%d" (int .Values.metrics.port)) }}{{ end }}
{{- $_ := set $own "server" $server -}}
# Made by the chart. docs/configuration.md explains each setting.
{{- range $name, $table := mergeOverwrite (deepCopy .Values.settings) $own }}
{{- if kindIs "slice" $table }}
{{- range $table }}

[[{{ $name }}]]
{{- include "sealring.tomlMembers" . }}
{{- end }}
{{- else if include "sealring.isTableOfTables" $table }}
{{- range $inner, $members := $table }}

[{{ $name }}.{{ toJson $inner }}]
{{- include "sealring.tomlMembers" $members }}
{{- end }}
{{- else if $table }}

[{{ $name }}]
{{- include "sealring.tomlMembers" $table }}
{{- end }}
{{- end }}
{{- end }}

{{- /* gunicorn's configuration. */}}
{{- define "sealring.gunicorn" -}}
from sealring.server.serving import *

workers = {{ int .Values.workers }}
graceful_timeout = {{ int .Values.drain.gracefulSeconds }}
{{- if .Values.tls.enabled }}
certfile = "/sealring/tls/tls.crt"
keyfile = "/sealring/tls/tls.key"
{{- end }}
{{- end }}
