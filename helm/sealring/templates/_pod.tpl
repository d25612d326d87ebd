{{- /* What the pods of the server and of the jobs have in common. */}}

{{- define "sealring.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.runAs.user }}
runAsUser: {{ . }}
{{- end }}
{{- with .Values.runAs.group }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "sealring.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
{{- with .Values.runAs.user }}
runAsUser: {{ . }}
{{- end }}
{{- with .Values.runAs.group }}
runAsGroup: {{ . }}
{{- end }}
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- /* The fields of a pod's spec without containers and volumes: (dict "root" $ "account" NAME) */}}
{{- define "sealring.podBasics" -}}
serviceAccountName: {{ .account | quote }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "sealring.podSecurity" .root | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end }}

{{- /* Image and security of a container with sealring in it. */}}
{{- define "sealring.container" -}}
image: {{ include "sealring.image" (dict "image" .Values.image "tag" .Chart.AppVersion) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- include "sealring.containerSecurity" . | nindent 2 }}
{{- end }}

{{- define "sealring.env" -}}
- name: SEALRING_CONFIG
  value: /sealring/sealring.toml
{{- if .Values.scrubMemory }}
- name: PYTHONMALLOC
  value: malloc
- name: GLIBC_TUNABLES
  value: glibc.malloc.perturb=165:glibc.malloc.tcache_count=0
{{- end }}
{{- if .Values.extraPlugins }}
- name: PYTHONPATH
  value: /opt/plugins
{{- end }}
{{- if .Values.pkcs11.enabled }}
{{- with .Values.pkcs11.env }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Volumes with settings and secrets, for pods that open the store; the pin is not among them. */}}
{{- define "sealring.volumes" -}}
- name: settings
  configMap:
    name: {{ include "sealring.fullname" . | quote }}
    defaultMode: 0444
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: 64Mi}
- name: secret-store
  secret:
    secretName: {{ include "sealring.storeSecret" . | quote }}
    defaultMode: 0440
    items:
      - key: {{ .Values.store.urlKey | quote }}
        path: {{ .Values.store.urlKey | quote }}
{{- with .Values.store.caSecret }}
- name: secret-store-ca
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- range $name, $secret := .Values.secrets }}
- name: secret-{{ $name }}
  secret:
    secretName: {{ $secret | quote }}
    defaultMode: 0440
{{- end }}
{{- range .Values.projectedTokens }}
- name: token-{{ .name }}
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken:
          path: token
          audience: {{ .audience | quote }}
          expirationSeconds: {{ default 3600 .expirationSeconds | int }}
{{- end }}
{{- if .Values.pkcs11.enabled }}
- name: pkcs11
  emptyDir: {sizeLimit: 256Mi}
{{- end }}
{{- if .Values.extraPlugins }}
- name: plugins
  emptyDir: {sizeLimit: 256Mi}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* A volume with a token for the API server and its CA, and where it is mounted. */}}
{{- define "sealring.kubernetesVolume" -}}
- name: kubernetes-api
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3607
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
{{- end }}

{{- define "sealring.kubernetesMount" -}}
- name: kubernetes-api
  mountPath: /sealring/kubernetes
  readOnly: true
{{- end }}

{{- define "sealring.trustVolume" -}}
- name: trust # a pod waits until the pin is there
  configMap:
    name: {{ include "sealring.trustConfigMap" . | quote }}
    defaultMode: 0444
    items:
      - key: store-pin
        path: store-pin
{{- end }}

{{- define "sealring.mounts" -}}
- name: settings
  mountPath: /sealring/sealring.toml
  subPath: sealring.toml
  readOnly: true
- name: tmp
  mountPath: /tmp
- name: secret-store
  mountPath: /sealring/secrets/store
  readOnly: true
{{- if .Values.store.caSecret }}
- name: secret-store-ca
  mountPath: /sealring/secrets/store-ca
  readOnly: true
{{- end }}
{{- range $name, $_ := .Values.secrets }}
- name: secret-{{ $name }}
  mountPath: /sealring/secrets/{{ $name }}
  readOnly: true
{{- end }}
{{- range .Values.projectedTokens }}
- name: token-{{ .name }}
  mountPath: /sealring/tokens/{{ .name }}
  readOnly: true
{{- end }}
{{- if .Values.pkcs11.enabled }}
- name: pkcs11
  mountPath: /opt/pkcs11
  readOnly: true
{{- end }}
{{- if .Values.extraPlugins }}
- name: plugins
  mountPath: /opt/plugins
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "sealring.trustMount" -}}
- name: trust
  mountPath: /sealring/trust
  readOnly: true
{{- end }}

{{- /* Containers that copy what an image of others has: its PKCS#11 module, its key provider. */}}
{{- define "sealring.copies" -}}
{{- if .Values.pkcs11.enabled }}
- name: copy-pkcs11
  {{- include "sealring.copy" (dict "root" . "image" (required "pkcs11.image is required with pkcs11.enabled: the image that has the module" .Values.pkcs11.image) "command" .Values.pkcs11.command) | nindent 2 }}
  volumeMounts:
    - name: pkcs11
      mountPath: /opt/pkcs11
{{- end }}
{{- range .Values.extraPlugins }}
- name: copy-{{ .name }}
  {{- include "sealring.copy" (dict "root" $ "image" .image "command" (default (list "cp" "-R" "/plugin/." "/opt/plugins/") .command)) | nindent 2 }}
  volumeMounts:
    - name: plugins
      mountPath: /opt/plugins
{{- end }}
{{- end }}

{{- define "sealring.copy" -}}
image: {{ .image | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
command:
  {{- toYaml .command | nindent 2 }}
securityContext:
  {{- include "sealring.containerSecurity" .root | nindent 2 }}
resources:
  {{- toYaml .root.Values.jobs.resources | nindent 2 }}
{{- end }}

{{- /* The whole pod of a job that opens the store: (dict "root" $ "component" NAME "args" LIST) and, for a volume of its
own, "volumes" and "mounts". */}}
{{- define "sealring.jobPod" -}}
metadata:
  labels:
    {{- include "sealring.labels" . | nindent 4 }}
    {{- with .root.Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .root.Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  restartPolicy: Never
  {{- include "sealring.podBasics" (dict "root" .root "account" (include "sealring.serviceAccount" .root)) | nindent 2 }}
  {{- with include "sealring.copies" .root }}
  initContainers:
    {{- . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .component }}
      {{- include "sealring.container" .root | nindent 6 }}
      {{- with .command }}
      command:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      args:
        {{- toYaml .args | nindent 8 }}
      env:
        {{- include "sealring.env" .root | nindent 8 }}
      resources:
        {{- toYaml .root.Values.jobs.resources | nindent 8 }}
      volumeMounts:
        {{- include "sealring.mounts" .root | nindent 8 }}
        {{- include "sealring.trustMount" .root | nindent 8 }}
        {{- if .root.Values.kubernetesApi.enabled }}
        {{- include "sealring.kubernetesMount" .root | nindent 8 }}
        {{- end }}
        {{- with .mounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    {{- include "sealring.volumes" .root | nindent 4 }}
    {{- include "sealring.trustVolume" .root | nindent 4 }}
    {{- if .root.Values.kubernetesApi.enabled }}
    {{- include "sealring.kubernetesVolume" .root | nindent 4 }}
    {{- end }}
    {{- with .volumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
