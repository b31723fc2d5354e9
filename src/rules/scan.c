#include "rules/scan.h"
const ptv_scan *ptv_scan_read(ptv_arena *mem, const char *source, size_t len) { (void)mem; (void)source; (void)len; return NULL; }
const char *ptv_scan_hint(ptv_arena *mem, const char *source, size_t len, int line, const char *lua_message) { (void)mem; (void)source; (void)len; (void)line; (void)lua_message; return NULL; }
const ptv_scan_table *ptv_scan_find(const ptv_scan *s, const char *head, int line, const char *id) { (void)s; (void)head; (void)line; (void)id; return NULL; }
const ptv_scan_item *ptv_scan_key(const ptv_scan_table *t, const char *key) { (void)t; (void)key; return NULL; }
const ptv_scan_item *ptv_scan_nth(const ptv_scan_table *t, size_t index) { (void)t; (void)index; return NULL; }
