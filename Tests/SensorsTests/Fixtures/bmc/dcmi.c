/* A module of OpenIPMI's ipmi_sim that answers DCMI "Get Power Reading" (DCMI 1.5, 6.6.1) with the watts in a file. */
#include <stdio.h>
#include <string.h>
#include <OpenIPMI/serv.h>
#include <OpenIPMI/lanserv.h>
#include <OpenIPMI/mcserv.h>

static char watts_path[512];

static void dcmi(lmc_data_t *mc, msg_t *request, unsigned char *answer, unsigned int *length, void *context) {
    unsigned watts = 0;
    FILE *file;
    memset(answer, 0, 19);
    answer[1] = 0xDC;
    if (request->cmd != 0x02) { answer[0] = 0xC1; *length = 1; return; }
    if ((file = fopen(watts_path, "r"))) { if (fscanf(file, "%u", &watts) != 1) watts = 0; fclose(file); }
    for (int value = 0; value < 4; value++) { answer[2 + 2 * value] = watts & 0xFF; answer[3 + 2 * value] = watts >> 8; }
    answer[14] = 0xE8; answer[15] = 0x03;
    answer[18] = 0x40;
    *length = 19;
}

int ipmi_sim_module_init(sys_data_t *system, const char *options) {
    snprintf(watts_path, sizeof watts_path, "%s", options ? options : "");
    ipmi_emu_register_group_extension_handler(0xDC, dcmi, NULL);
    return 0;
}

int ipmi_sim_module_post_init(sys_data_t *system) { return 0; }
