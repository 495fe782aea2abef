insert into history_settings (id, layout, width) values (1, 'community', 3600000000);
