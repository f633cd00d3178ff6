/* SPDX-License-Identifier: BSD-3-Clause */
/* The meaning of UCX_TLS. Domains are cut out of what the user allows, and
 * which of them exist must be known before any UCX context is made, so the
 * variable is evaluated here, after ucp_is_resource_enabled() of UCX 1.13. */
#include "fabric/fabric_internal.h"

#include <string.h>

#define TLS_AUX ":aux"

/* UCX's names for groups of transports. */
static const struct {
    const char *alias;
    const char *members[6];
} tls_aliases[] = {
    {"mm", {"posix", "sysv", "xpmem"}},
    {"sm", {"posix", "sysv", "xpmem", "knem", "cma"}},
    {"shm", {"posix", "sysv", "xpmem", "knem", "cma"}},
    {"ib", {"rc_verbs", "ud_verbs", "rc_mlx5", "ud_mlx5", "dc_mlx5"}},
    {"ud_v", {"ud_verbs"}},
    {"ud_x", {"ud_mlx5"}},
    {"ud", {"ud_mlx5", "ud_verbs"}},
    {"rc_v", {"rc_verbs", "ud_verbs" TLS_AUX}},
    {"rc_x", {"rc_mlx5", "ud_mlx5" TLS_AUX}},
    {"rc", {"rc_mlx5", "ud_mlx5" TLS_AUX, "rc_verbs", "ud_verbs" TLS_AUX}},
    {"dc", {"dc_mlx5", "ud_mlx5" TLS_AUX}},
    {"dc_x", {"dc_mlx5", "ud_mlx5" TLS_AUX}},
    {"ugni", {"ugni_smsg", "ugni_udt" TLS_AUX, "ugni_rdma"}},
    {"cuda", {"cuda_copy", "cuda_ipc", "gdr_copy"}},
    {"rocm", {"rocm_copy", "rocm_ipc", "rocm_gdr"}},
    {"ze", {"ze_copy", "ze_ipc", "ze_gdr"}},
};

static const char *const tls_shared_memory[] = {"posix", "sysv", "xpmem", "cma",
                                                "knem"};
static const char *const tls_verbs[] = {"rc_verbs", "ud_verbs", "rc_mlx5",
                                        "ud_mlx5", "dc_mlx5"};

static bool tls_is_one_of(const char *const *names, size_t count,
                          const char *name)
{
    size_t i;

    for (i = 0; i < count; ++i) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }

    return false;
}

/* Whether the comma-separated @p list has the word @p name + @p suffix. */
static bool tls_has_word(const char *list, const char *name, const char *suffix)
{
    size_t name_len = strlen(name);
    size_t suffix_len = strlen(suffix);
    const char *word = list;
    size_t len;

    while (*word != '\0') {
        word += strspn(word, ", \t");
        len = strcspn(word, ", \t");
        if ((len == name_len + suffix_len) &&
            (memcmp(word, name, name_len) == 0) &&
            (memcmp(word + name_len, suffix, suffix_len) == 0)) {
            return true;
        }
        word += len;
    }

    return false;
}

/* The strongest mention of @p tl in @p list, by itself or through an alias:
 * in full, as auxiliary of something, or none. */
typedef struct {
    bool in_full;
    bool as_aux;      /* some alias needs it, or it is written with :aux */
    bool as_aux_word; /* written with :aux */
} tls_mention_t;

static tls_mention_t tls_find(const char *list, const char *tl)
{
    tls_mention_t mention = {false, false, false};
    char strict[32] = "\\";
    char aux[32];
    const char *const *member;
    size_t i;

    if (strlen(tl) + sizeof(TLS_AUX) > sizeof(aux)) {
        return mention;
    }

    /* A leading backslash keeps UCX from taking a name for an alias. */
    strcpy(strict + 1, tl);
    strcat(strcpy(aux, tl), TLS_AUX);
    mention.in_full =
        tls_has_word(list, tl, "") || tls_has_word(list, strict, "");
    mention.as_aux_word =
        tls_has_word(list, tl, TLS_AUX) || tls_has_word(list, strict, TLS_AUX);

    for (i = 0; i < RSMI_COUNT_OF(tls_aliases); ++i) {
        bool is_named = tls_has_word(list, tls_aliases[i].alias, "");
        bool is_aux_named = tls_has_word(list, tls_aliases[i].alias, TLS_AUX);

        for (member = tls_aliases[i].members; *member != NULL; ++member) {
            if (strcmp(*member, tl) == 0) {
                mention.in_full |= is_named;
                mention.as_aux_word |= is_aux_named;
            } else if (strcmp(*member, aux) == 0) {
                mention.as_aux |= is_named;
            }
        }
    }

    mention.as_aux |= mention.as_aux_word;
    return mention;
}

/* Whether some transport connects through @p tl. */
static bool tls_serves_others(const char *tl)
{
    static const char *const auxiliary[] = {"ud_verbs", "ud_mlx5", "ugni_udt"};

    return tls_is_one_of(auxiliary, RSMI_COUNT_OF(auxiliary), tl);
}

rsmi_fabric_allowance_t rsmi_fabric_tls_allow(const char *list, const char *tl)
{
    tls_mention_t mention;

    list += strspn(list, " \t");
    if (*list != '^') {
        if (tls_has_word(list, "all", "")) {
            return FABRIC_TL_ALLOWED;
        }
        mention = tls_find(list, tl);
        return mention.in_full  ? FABRIC_TL_ALLOWED
               : mention.as_aux ? FABRIC_TL_AUXILIARY
                                : FABRIC_TL_DENIED;
    }

    mention = tls_find(list + 1, tl);
    if (!mention.in_full) {
        return FABRIC_TL_ALLOWED;
    }

    /* To forbid a transport does not take it from those that connect by it. */
    return (tls_serves_others(tl) && !mention.as_aux_word) ? FABRIC_TL_AUXILIARY
                                                           : FABRIC_TL_DENIED;
}

bool rsmi_fabric_tls_has_device(const char *list, const char *device)
{
    return tls_has_word(list, device, "") || tls_has_word(list, "all", "");
}

bool rsmi_fabric_tls_in_kind(rsmi_fabric_kind_t kind, const char *tl)
{
    bool is_shared =
        tls_is_one_of(tls_shared_memory, RSMI_COUNT_OF(tls_shared_memory), tl);

    switch (kind) {
    case RSMI_FABRIC_SHM:
        /* The others cannot share memory with an error mode. */
        return (strcmp(tl, "posix") == 0) || (strcmp(tl, "sysv") == 0);
    case RSMI_FABRIC_NET:
        return !is_shared;
    case RSMI_FABRIC_TCP:
        return (strcmp(tl, "tcp") == 0) || (strcmp(tl, "self") == 0);
    case RSMI_FABRIC_IB:
        return tls_is_one_of(tls_verbs, RSMI_COUNT_OF(tls_verbs), tl);
    default:
        return false;
    }
}

bool rsmi_fabric_tls_is_software(const char *tl)
{
    return (strcmp(tl, "tcp") == 0) || (strcmp(tl, "self") == 0) ||
           tls_is_one_of(tls_shared_memory, RSMI_COUNT_OF(tls_shared_memory),
                         tl);
}
