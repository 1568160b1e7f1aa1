/* Threads that share out a matrix product. They sleep between products: a thread that spins would heat a fanless board
   for nothing. */
#define _GNU_SOURCE
#include "internal.h"

#include <pthread.h>
#include <unistd.h>

typedef struct {
    pool *pool;
    int part;
    pthread_t thread;
} worker;

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
    void (*work)(void *, int, int);
    void *context;
    int parts, left, ending;
    unsigned round;
    pid_t owner; /* a forked child has none of its parent's threads */
    int busy;    /* another sequence has them */
    worker workers[];
};

size_t tinylm_pool_bytes(int threads) {
    return threads > 1 ? (sizeof(pool) + (size_t)(threads - 1) * sizeof(worker) + 63) & ~(size_t)63 : 0;
}

static void *wait_and_work(void *argument) {
    worker *w = argument;
    pool *p = w->pool;
    unsigned seen = 0;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->round == seen && !p->ending) pthread_cond_wait(&p->begin, &p->lock);
        if (p->ending) break;
        seen = p->round;
        pthread_mutex_unlock(&p->lock);
        p->work(p->context, w->part, p->parts);
        pthread_mutex_lock(&p->lock);
        if (!--p->left) pthread_cond_signal(&p->end);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

int tinylm_pool_open(pool *p, int threads) {
    *p = (pool){.parts = 1, .owner = getpid()};
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->begin, NULL);
    pthread_cond_init(&p->end, NULL);
    for (int i = 1; i < threads; i++) {
        worker *w = p->workers + i - 1;
        *w = (worker){.pool = p, .part = i};
        if (pthread_create(&w->thread, NULL, wait_and_work, w)) return tinylm_pool_close(p), -1;
        p->parts++;
    }
    return 0;
}

void tinylm_pool_close(pool *p) {
    if (getpid() != p->owner) return;
    pthread_mutex_lock(&p->lock);
    p->ending = 1;
    pthread_cond_broadcast(&p->begin);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->parts - 1; i++) pthread_join(p->workers[i].thread, NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->begin);
    pthread_cond_destroy(&p->end);
}

void tinylm_pool_run(pool *p, void (*work)(void *, int, int), void *context) {
    if (getpid() != p->owner) return work(context, 0, 1);
    pthread_mutex_lock(&p->lock);
    int alone = p->busy;
    if (!alone) {
        p->busy = 1, p->work = work, p->context = context, p->left = p->parts - 1, p->round++;
        pthread_cond_broadcast(&p->begin);
    }
    pthread_mutex_unlock(&p->lock);
    if (alone) return work(context, 0, 1);
    work(context, 0, p->parts);
    pthread_mutex_lock(&p->lock);
    while (p->left) pthread_cond_wait(&p->end, &p->lock);
    p->busy = 0;
    pthread_mutex_unlock(&p->lock);
}
