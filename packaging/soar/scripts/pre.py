inputs.passivetotal_artifact_type = artifact.type
inputs.passivetotal_artifact_value = artifact.value
