/* SPDX-License-Identifier: BSD-3-Clause */
/* Exports until something is used up. Shortage is an error code; what was
 * made before keeps working, and what is given back can be had again.
 *
 *     rsm_job_exhaust KIBIBYTES RSMERR_NAME
 */
#include "node.h"

#define SEGMENTS_MAX 2000

static node_export_t segments[SEGMENTS_MAX];

/* All pages can be written: none of them is only promised. */
static void touch(node_export_t *segment)
{
    size_t i;

    for (i = 0; i < segment->size / sizeof(uint64_t);
         i += NODE_PAGE / sizeof(uint64_t)) {
        segment->words[i] = ~segment->words[i];
    }
}

static int create(node_export_t *segment, size_t size)
{
    int rc;

    segment->size = size;
    segment->words = node_pages(size);
    rc = rsm_memseg_export_create(node.controller, &segment->handle,
                                  (void *)segment->words, size, 0);
    if (rc != RSM_SUCCESS) {
        touch(segment);
        munmap((void *)segment->words, size);
    }
    return rc;
}

int main(int argc, char **argv)
{
    const char *expected;
    size_t count = 0;
    size_t size, i;
    int rc;

    NODE_CHECK(argc == 3);
    size = 1024 * (size_t)atol(argv[1]);
    expected = argv[2];

    alarm(25);
    rc = rsmx_get_node_id(&node.self);
    if (rc == RSM_SUCCESS) {
        rc = rsm_get_controller("ucx0", &node.controller);
    }
    if (rc != RSM_SUCCESS) {
        /* Too little even to start is told in the same way. */
        NODE_CHECK(strcmp(rsmx_error_name(rc), expected) == 0);
        node_say("not even one ok");
        return EXIT_SUCCESS;
    }

    while ((rc = create(&segments[count], size)) == RSM_SUCCESS) {
        ++count;
        NODE_CHECK(count < SEGMENTS_MAX);
    }
    if (strcmp(rsmx_error_name(rc), expected) != 0) {
        node_fail(__FILE__, __LINE__, "rsm_memseg_export_create",
                  rsmx_error_name(rc));
    }
    for (i = 0; i < count; ++i) {
        touch(&segments[i]);
    }

    /* Room for as many again once all are destroyed. */
    for (i = 0; i < count; ++i) {
        node_unexport(&segments[i]);
    }
    for (i = 0; i < count; ++i) {
        NODE_OK(create(&segments[i], size));
        touch(&segments[i]);
    }
    for (i = 0; i < count; ++i) {
        node_unexport(&segments[i]);
    }
    node_close();
    node_say("%zu exports ok", count);
    return EXIT_SUCCESS;
}
