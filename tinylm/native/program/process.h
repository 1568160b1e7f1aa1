/* What the kernel says of this very process, as tinylm/runtime/measurement/proc_self.py reads it; -1 where it does not
   tell. */
#ifndef TINYLM_PROCESS_H
#define TINYLM_PROCESS_H
#include <stdint.h>

typedef struct {
    int64_t peak_rss_bytes, rss_bytes, anonymous_bytes, file_bytes, swap_bytes, pss_bytes, uss_bytes;
} process_memory;

process_memory own_memory(void);
/* Resident memory that belongs to no file, counted page by page where the kernel can. */
int64_t own_anonymous_bytes(void);
/* Resident pages of files that this process has not changed: of the mapping that `inside` lies in, and of the rest. */
void own_file_bytes(const void *inside, int64_t *of_it, int64_t *of_the_rest);
/* How long this thread was ready to run so far and had no core, in nanoseconds. */
int64_t waited_ns(void);
/* Time since the kernel started this process, to one tick (10 ms), in nanoseconds. */
int64_t since_start_ns(void);
/* A clock that only grows, and processor time of this thread or of all, in nanoseconds. */
int64_t clock_ns(void);
int64_t thread_cpu_ns(void);
int64_t process_cpu_ns(void);
#endif
