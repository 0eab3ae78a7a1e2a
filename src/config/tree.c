/* SPDX-License-Identifier: Apache-2.0 */
#include "config/tree.h"

static bool is_scalar(enum node_type type)
{
    return type >= NODE_STRING;
}

struct node *tree_member(const struct node *group, const char *name)
{
    if (group->type != NODE_GROUP)
        return NULL;
    for (struct node *node = group->first; node; node = node->next)
        if (strcmp(node->name, name) == 0)
            return node;
    return NULL;
}

const char *tree_text(const struct node *group, const char *name)
{
    const struct node *node = tree_member(group, name);

    return node && node->type == NODE_STRING ? node->text : NULL;
}

static bool has_place(const struct node *parent, const char *name, enum node_type type)
{
    if (parent->type == NODE_GROUP)
        return name && !tree_member(parent, name);
    if (name || is_scalar(parent->type))
        return false;
    return parent->type == NODE_LIST ||
           (is_scalar(type) && (!parent->first || parent->first->type == type));
}

struct node *tree_add(struct arena *arena, struct node *parent, const char *name,
                      enum node_type type)
{
    if (!has_place(parent, name, type))
        return NULL;
    struct node *node = arena_take(arena, sizeof *node);
    *node = (struct node){.type = type, .name = name, .at = parent->at, .parent = parent};
    *(parent->last ? &parent->last->next : &parent->first) = node;
    parent->last = node;
    parent->count++;
    return node;
}

struct node *tree_add_text(struct arena *arena, struct node *parent, const char *name,
                           const char *text)
{
    struct node *node = tree_add(arena, parent, name, NODE_STRING);

    if (node)
        node->text = arena_copy(arena, slice_of(text));
    return node;
}

void tree_remove(struct node *node)
{
    struct node *parent = node ? node->parent : NULL, *before = NULL;

    if (!parent)
        return;
    for (struct node *other = parent->first; other != node; other = other->next)
        before = other;
    *(before ? &before->next : &parent->first) = node->next;
    if (parent->last == node)
        parent->last = before;
    parent->count--;
}

/* ---- writing ---- */

static void write_string(const char *text, FILE *out)
{
    putc('"', out);
    for (const char *c = text; *c; c++)
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if ((unsigned char)*c < ' ')
            fprintf(out, "\\x%02x", (unsigned)*c);
        else
            putc(*c, out);
    putc('"', out);
}

static void write_value(const struct node *node, FILE *out);

static void write_elements(const struct node *node, char open, char close, FILE *out)
{
    fprintf(out, "%c ", open);
    for (const struct node *element = node->first; element; element = element->next) {
        write_value(element, out);
        fputs(element->next ? ", " : " ", out);
    }
    putc(close, out);
}

static void write_members(const struct node *group, const char *end, FILE *out)
{
    for (const struct node *member = group->first; member; member = member->next) {
        fprintf(out, "%s = ", member->name);
        write_value(member, out);
        fprintf(out, ";%s", end);
    }
}

static void write_value(const struct node *node, FILE *out)
{
    switch (node->type) {
    case NODE_GROUP:
        fputs("{ ", out);
        write_members(node, " ", out);
        putc('}', out);
        break;
    case NODE_LIST:
        write_elements(node, '(', ')', out);
        break;
    case NODE_ARRAY:
        write_elements(node, '[', ']', out);
        break;
    case NODE_STRING:
        write_string(node->text, out);
        break;
    case NODE_INTEGER:
    case NODE_FLOAT:
    case NODE_FLAG:
        fputs(node->text, out);
        break;
    }
}

void tree_write(const struct node *group, FILE *out)
{
    write_members(group, "\n", out);
}
