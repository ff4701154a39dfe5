/* A shared object that is no Slow module at all. */
__attribute__((visibility("default"))) int something_else(void);
int something_else(void) {
    return 0;
}
