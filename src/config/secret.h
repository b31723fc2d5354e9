/*
 * secret.h: what stands behind a $NAME or ^NAME in a setting.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CONFIG_SECRET_H
#define PTV_CONFIG_SECRET_H
#include "base/arena.h"

/*
 * The value of $NAME: a file of that name in $PTVERDICT_SECRETS or /etc/secrets, else the environment variable. With
 * $APP_HOST_CONTAINER on, a file that holds a JWE is a protected secret, opened with .jwk/key.jwk in the same folder.
 * *value is NULL when there is neither; *mounted tells that it came from a file. The arena owns the value.
 * Errors: PTV_ESETTINGS (a protected secret that does not open, or a file that cannot be read), PTV_ENOMEM, PTV_ETOOBIG.
 */
ptv_code ptv_secret_find(const char **value, bool *mounted, ptv_arena *mem, const char *name, size_t len, ptv_error *err);

/*
 * A value as the SOAR platform's framework reads it: every ${NAME} replaced; else, when it begins with $, the name up to a
 * } or the end. What cannot be found stays as it is, and so does ^NAME: there is no PAM plug-in here.
 * *secret is set when a mounted secret went in.
 */
ptv_code ptv_secret_expand(const char **out, bool *secret, ptv_arena *mem, const char *value, ptv_error *err);

#endif
