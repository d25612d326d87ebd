{{- define "sealring.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "sealring.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "sealring.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "sealring.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* Labels that select pods: (dict "root" $ "component" "server") */}}
{{- define "sealring.selector" -}}
app.kubernetes.io/name: {{ include "sealring.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- /* Labels of a resource, with the same argument. */}}
{{- define "sealring.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{ include "sealring.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: sealring
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "sealring.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "sealring.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is required without serviceAccount.create" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* A reference to an image: .Values.image or .Values.valkey.image, with the tag to take if none is set. */}}
{{- define "sealring.image" -}}
{{- if .image.digest }}
{{- printf "%s@%s" .image.repository .image.digest }}
{{- else }}
{{- printf "%s:%s" .image.repository (default .tag .image.tag) }}
{{- end }}
{{- end }}

{{- define "sealring.scheme" -}}
{{- ternary "HTTPS" "HTTP" .Values.tls.enabled }}
{{- end }}

{{- define "sealring.tlsSecret" -}}
{{- if and .Values.tls.existingSecret .Values.tls.certManager.enabled }}
{{- fail "tls.existingSecret and tls.certManager.enabled are both set; keep only one" }}
{{- end }}
{{- if .Values.tls.certManager.enabled }}
{{- printf "%s-tls" (include "sealring.fullname" .) }}
{{- else }}
{{- required "tls.existingSecret is required: the Secret with tls.crt and tls.key of the server. Or set tls.certManager.enabled=true, or tls.enabled=false if the cluster encrypts its traffic by other means" .Values.tls.existingSecret }}
{{- end }}
{{- end }}

{{- define "sealring.trustConfigMap" -}}
{{- default (printf "%s-trust" (include "sealring.fullname" .)) .Values.trust.existingConfigMap }}
{{- end }}

{{- define "sealring.storeSecret" -}}
{{- required "store.existingSecret is required: the Secret with the URL of the store, e.g. made by kubectl create secret generic sealring-store --from-file=url=store-url" .Values.store.existingSecret }}
{{- end }}
